"""The mechanism of IBD and of cell therapy, one module a file. `biology.ibd.ibd_system()` is the whole."""
