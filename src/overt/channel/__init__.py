"""The rule channel: publisher, client, witness and monitor."""
