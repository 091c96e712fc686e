-- Names the time in which this server has lost nothing, see server-term.ts. It runs where the queue is.
-- KEYS[1] any key of the queue   ARGV[1] term of the server, as the connection knows it

return ARGV[1]
