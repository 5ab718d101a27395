"""The client of rule channels: fetch, verify, compile, install; on any failure the old rules stay."""
