-- Filters for one chain and one session that span 64 granules each and err once in 1,000.
--
-- A question about one id reads all filters of its days. With one per granule those were 34,000 for a month of 278 million
-- calls, most of its time, and the granules that they erred about the rest. One for 64 granules is a hundredth of the
-- work and half as large (0.04 bytes a call); a hit reads half a million ids, which takes some milliseconds. The filters
-- of users stay: a user calls every hour, so that wider ones would keep nothing out.
DROP TABLE IF EXISTS users_per_day;

ALTER TABLE calls DROP INDEX IF EXISTS by_chain;

ALTER TABLE calls DROP INDEX IF EXISTS by_session;

ALTER TABLE calls ADD INDEX IF NOT EXISTS by_chain_id chain_id TYPE bloom_filter(0.001) GRANULARITY 64;

ALTER TABLE calls ADD INDEX IF NOT EXISTS by_session_id session_id TYPE bloom_filter(0.001) GRANULARITY 64;

-- For the calls that are there already; the engine does it in the background.
ALTER TABLE calls MATERIALIZE INDEX IF EXISTS by_chain_id;

ALTER TABLE calls MATERIALIZE INDEX IF EXISTS by_session_id;
