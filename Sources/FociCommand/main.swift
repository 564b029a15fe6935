print("foci")
