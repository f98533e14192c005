"""The bundled tiny model: weights, how they were trained, and the controls it is compared with."""
