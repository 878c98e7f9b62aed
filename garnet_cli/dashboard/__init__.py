"""What a person looks at: the live terminal of `garnet top` and the page of `garnet dashboard`."""
