"""What came out beside what was printed: tables, figures, claims and the page that holds them; free of torch."""
