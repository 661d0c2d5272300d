"""The plan: which file goes into which layer, and why. Pure: nothing here reads or writes anything."""
