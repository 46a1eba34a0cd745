"""The core's metrics: plain functions of two batches of images, and what computes them fast."""
