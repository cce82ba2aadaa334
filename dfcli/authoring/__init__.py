"""`authoring`: what an app author touches; it records wishes and performs none."""
