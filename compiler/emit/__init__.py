"""Programs from an analysed spec, through templates."""
