"""The controllers: policies over a space's decisions, how they learn, and the Optuna samplers around them."""
