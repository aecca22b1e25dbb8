"""What an investigation is made of: the frames that it reads, and the sentences that it writes. The engine itself is pure
(rules.engine.investigation); its life as a job is in services."""
