"""The eight questions, one file each: they call the layers below and return content, in no language yet."""
