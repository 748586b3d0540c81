"""The chapters of a comparison: all arms of one study beside each other, in the same patients."""
