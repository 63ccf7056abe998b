"""Where energy flows, and the districts that care for it."""
