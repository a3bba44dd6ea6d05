"""From a network to a model that ships: trained in full, quantized, labelled, checked, timed, and described."""
