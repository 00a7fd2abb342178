"""Attribution methods: from a classifier and an encoded text to numbers for each token."""
