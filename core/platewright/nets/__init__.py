"""Networks: one network, one file, plain torch modules without files or devices."""
