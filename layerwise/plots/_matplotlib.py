"""Where matplotlib is asked for, and missed."""


def pyplot(caller):
    """Return ``matplotlib.pyplot``, or say in a sentence what ``caller`` lacks."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} draws with matplotlib, which is not installed. "
            "Install it with: pip install matplotlib"
        ) from error
    return plt
