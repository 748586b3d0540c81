"""What is done to a patient: products, routes, courses, procedures, and the events and ledger they become."""
