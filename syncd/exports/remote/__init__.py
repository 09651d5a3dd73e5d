"""How are the places reached that exports come from: servers, buckets, other folders?"""
