"""Answers all of a chamber's network traffic itself, and keeps every byte of it.

What is kept where, below the folder of a run:

* `capture.pcapng`: every packet on the chamber's only link, both ways, with its direction: whatever the protocol.
* `flows.jsonl`: one `Flow` for each TCP connection and each conversation of UDP datagrams that the sink answered; then
  one for each conversation that is in the capture only: ICMP (echo payloads), broadcast and multicast, other IP
  protocols, protocols below IP, data in a SYN, and everything of a network that was dead.
* `streams/NNNNN.out`: what the product sent in flow NNNNN, byte for byte, after decryption. Of HTTP/1.1 that is
  requests as they were written, headers, chunk sizes and all. Of STARTTLS and CONNECT: the clear beginning, then what
  was inside. Of datagrams: their payloads one after another. Of a flow that could not be opened: ciphertext from the
  first byte on. Two protocols are written unfolded, because nothing could be searched otherwise: HTTP/2 (head of each
  request as text, then its body, one stream after another; at last what other frames and padding carried) and
  WebSocket (messages without mask and frame heads).
* `streams/NNNNN.in`: what the product received, likewise.
* `streams/NNNNN.hello`: the ClientHello of TLS or QUIC as it was on the wire: all that is in clear before encryption.
* `Flow.requests`: HTTP requests with URL and headers, also those inside CONNECT; DNS questions (method is the type,
  target the name as it was written, bytes that are no text as `\\DDD`), also over TCP, TLS and HTTPS; SMTP's envelope;
  FTP's commands with a path; what a SOCKS proxy is asked for; MQTT's client name and topics; server names (`SNI`).
* `sink.json`: what was not kept (`kept.Kept`), and when the run began.

While the sink runs, all of it is in `sink/`, which is all that its process can write to.
"""
