"""Where a candidate's latency comes from: a device, a table, or what was measured before."""
