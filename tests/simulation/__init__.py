"""Simulated crashes, power losses and disk faults over the shipped storage, and the proof that the tests see them."""
