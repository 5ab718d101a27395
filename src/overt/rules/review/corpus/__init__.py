"""Innocent documents in pairs that differ in a marking only: what the dynamic check runs rules over."""

from __future__ import annotations

from overt.rules.review.corpus.documents import Document, documents

__all__ = ["Document", "documents"]
