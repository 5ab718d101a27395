"""What a run leaves behind: typed records, and the folder that holds them. All that a report claims comes from here."""
