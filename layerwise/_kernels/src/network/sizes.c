#include "network/layer.h"
#include "network/network.h"

ptrdiff_t
lw_network_scratch(const lw_layer *layers, ptrdiff_t n_layers, ptrdiff_t batch_size)
{
    ptrdiff_t width = 3 * widest(layers, n_layers) + (ptrdiff_t)layers[0].n_inputs;

    for (ptrdiff_t k = 0; k < n_layers; k++) {
        width += (ptrdiff_t)layers[k].n_units;
    }
    return batch_size * width + n_parameters(layers, n_layers);
}
