"""Libraries in Milvus, in one file or on a server."""
