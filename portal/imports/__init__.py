"""The import centre: files in, checked row by row, all or nothing, undone while nothing depends on them."""
