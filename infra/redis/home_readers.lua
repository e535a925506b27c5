-- ARGV: depth, shard, first, last. So many of the shard's readers for whom a home is kept ready, each
-- followed by when they read last.

return redis.call('ZRANGE', last_reads(ARGV[2]), ARGV[3], ARGV[4], 'WITHSCORES')
