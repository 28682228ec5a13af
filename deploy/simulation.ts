/**
 * What stands in for a district's devices: the simulated sensors and trucks, or a recording. They speak the wires a
 * real district speaks, to a house that runs.
 */
