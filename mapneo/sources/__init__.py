"""Where text comes from: packages by name or the user's own folder, unpacked and read."""
