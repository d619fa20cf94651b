"""Events as they come in: decoded, told from duplicates, matched with Alerts and handed over."""
