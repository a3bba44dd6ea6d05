"""How a latency is measured: sessions, verdicts, intervals, records."""
