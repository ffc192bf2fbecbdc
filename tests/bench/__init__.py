"""`make bench`: how fast the portal is with a million customers and loans, beside how fast it should be.

Nothing here is a test: timings depend on the machine. Figures are medians; they are printed and kept, with the machine,
in docs/benchmarks.md. A database that holds a large company already is measured as it is.
"""
