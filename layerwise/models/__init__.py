"""Mathematics: layers as values. Never sees a kernel, asks ``numerics``."""
