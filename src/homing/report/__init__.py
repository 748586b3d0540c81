"""The report: findings worded in the reader's language, figures drawn, one HTML file that opens offline."""
