"""`model`: the nouns everyone shares, as frozen structs, and history lines in and out of JSON."""
