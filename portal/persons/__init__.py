"""Rights of persons over their data: what we hold, correction, erasure; limits of revealing."""
