"""Pictures and what is measured on them: sources of pixels, a classifier to judge them, distances, grids."""
