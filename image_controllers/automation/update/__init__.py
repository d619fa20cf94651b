"""ImageUpdateAutomations: chosen images written where markers ask for them, committed and pushed."""
