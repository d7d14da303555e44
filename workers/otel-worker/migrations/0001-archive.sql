-- What was acknowledged and is not stored yet: requests as they came.
CREATE TABLE otel.ingestion_queue (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	received_at timestamptz NOT NULL DEFAULT now(),
	content_type text NOT NULL,
	encoding text NOT NULL,
	payload bytea NOT NULL,
	bytes integer NOT NULL GENERATED ALWAYS AS (octet_length(payload)) STORED,
	traceparent text,
	attempts integer NOT NULL DEFAULT 0,
	-- Also until when a worker has it in hand.
	next_try_at timestamptz NOT NULL DEFAULT now(),
	last_error text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Most of them are compressed already.
ALTER TABLE otel.ingestion_queue ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX ingestion_queue_next ON otel.ingestion_queue (next_try_at, id);

-- What could not be stored, and why. Payloads stand apart: they are not for everybody who reads this.
CREATE TABLE otel.dead_letters (
	id bigint PRIMARY KEY,
	received_at timestamptz NOT NULL,
	died_at timestamptz NOT NULL DEFAULT now(),
	reason text NOT NULL,
	detail text NOT NULL,
	attempts integer NOT NULL,
	bytes integer NOT NULL
);
CREATE TABLE otel.dead_payloads (
	id bigint PRIMARY KEY REFERENCES otel.dead_letters ON DELETE CASCADE,
	content_type text NOT NULL,
	encoding text NOT NULL,
	payload bytea NOT NULL
);
ALTER TABLE otel.dead_payloads ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE FUNCTION otel.bury(batch bigint, reason text, detail text) RETURNS boolean LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM otel.ingestion_queue q WHERE q.id = batch RETURNING *),
	letter AS (
		INSERT INTO otel.dead_letters (id, received_at, reason, detail, attempts, bytes)
		SELECT id, received_at, bury.reason, bury.detail, attempts, bytes FROM gone
	)
	INSERT INTO otel.dead_payloads SELECT id, content_type, encoding, payload FROM gone RETURNING true
$$;

-- Back into the queue, as if it had come now: `SELECT otel.replay(id) FROM otel.dead_letters WHERE …`.
CREATE FUNCTION otel.replay(letter bigint) RETURNS void LANGUAGE sql AS $$
	INSERT INTO otel.ingestion_queue (content_type, encoding, payload)
	SELECT content_type, encoding, payload FROM otel.dead_payloads WHERE id = letter;
	DELETE FROM otel.dead_letters WHERE id = letter
$$;
REVOKE EXECUTE ON FUNCTION otel.bury, otel.replay FROM PUBLIC;

-- COLLATE "C" compares bytes, which is faster than a language's rules.
CREATE TABLE otel.spans (
	trace_id text COLLATE "C" NOT NULL,
	span_id text COLLATE "C" NOT NULL,
	parent_span_id text COLLATE "C",
	service text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	status_message text,
	start_time timestamptz NOT NULL,
	duration_ms double precision NOT NULL,
	attributes jsonb NOT NULL,
	resource jsonb NOT NULL,
	events jsonb,
	links jsonb,
	run_id text COLLATE "C",
	-- What PostgreSQL would not have taken as it was.
	altered text[],
	-- A retry brings the same start; partitions want it in the key.
	PRIMARY KEY (trace_id, span_id, start_time)
) PARTITION BY RANGE (start_time);

CREATE INDEX spans_time ON otel.spans (start_time);
CREATE INDEX spans_service ON otel.spans (service, start_time);
CREATE INDEX spans_errors ON otel.spans (start_time) WHERE status = 'error';
CREATE INDEX spans_run ON otel.spans (run_id, start_time) WHERE run_id IS NOT NULL;

-- What dashboards count, so that a month of spans need not be read for it. The trigger below keeps it in the transaction that stores
-- the spans: the two agree at all times, whoever is killed.
CREATE TABLE otel.span_counts (
	minute timestamptz NOT NULL,
	service text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	spans bigint NOT NULL,
	errors bigint NOT NULL,
	max_ms double precision NOT NULL,
	-- A histogram of durations: bucket_spans[i] of the spans are in buckets[i], which ends at exp(buckets[i] / 10) ms.
	buckets smallint[] NOT NULL,
	bucket_spans integer[] NOT NULL,
	PRIMARY KEY (minute, service, name)
	-- The rows of the current minute change with each batch, in place while their page has room.
) WITH (fillfactor = 70);

CREATE FUNCTION otel.count_spans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	-- One at a time until its commit: in whatever order two transactions change these rows, neither waits for the other's.
	PERFORM pg_advisory_xact_lock(hashtext('otel.count_spans'));
	INSERT INTO otel.span_counts AS kept
	SELECT minute, service, name, sum(n), sum(failed), max(longest), array_agg(bucket), array_agg(n)
	FROM (
		SELECT date_bin('1 minute', start_time, 'epoch') AS minute, service, name,
			ceil(ln(duration_ms + 0.001) * 10)::smallint AS bucket, count(*)::integer AS n,
			count(*) FILTER (WHERE status = 'error') AS failed, max(duration_ms) AS longest
		FROM inserted
		GROUP BY 1, 2, 3, 4
	) AS counted
	GROUP BY 1, 2, 3
	ON CONFLICT (minute, service, name) DO UPDATE SET
		spans = kept.spans + excluded.spans,
		errors = kept.errors + excluded.errors,
		max_ms = greatest(kept.max_ms, excluded.max_ms),
		(buckets, bucket_spans) = (
			SELECT array_agg(bucket), array_agg(n)
			FROM (
				SELECT bucket, sum(n)::integer AS n
				FROM (
					SELECT * FROM unnest(kept.buckets, kept.bucket_spans)
					UNION ALL SELECT * FROM unnest(excluded.buckets, excluded.bucket_spans)
				) AS both_of_them (bucket, n)
				GROUP BY bucket
			) AS summed
		);
	RETURN NULL;
END
$$;
CREATE TRIGGER count_spans AFTER INSERT ON otel.spans
	REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION otel.count_spans();

-- What operations took in these minutes, the slowest first. A 95th percentile is the middle of its bucket: at most 5 % too high or too low.
CREATE FUNCTION otel.operations(since timestamptz, until timestamptz, of text DEFAULT NULL)
RETURNS TABLE (service text, name text, spans bigint, errors bigint, p95_ms double precision, max_ms double precision)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
	WITH asked AS (
		SELECT * FROM otel.span_counts AS c
		WHERE c.minute BETWEEN date_bin('1 minute', since, 'epoch') AND until AND (of IS NULL OR of = '' OR c.service = of)
	), totals AS (
		SELECT a.service, a.name, sum(a.spans)::bigint AS spans, sum(a.errors)::bigint AS errors, max(a.max_ms) AS longest
		FROM asked AS a
		GROUP BY 1, 2
	), durations AS (
		SELECT a.service, a.name, b.bucket, sum(sum(b.n)) OVER (PARTITION BY a.service, a.name ORDER BY b.bucket) AS up_to
		FROM asked AS a, unnest(a.buckets, a.bucket_spans) AS b (bucket, n)
		GROUP BY 1, 2, 3
	)
	SELECT t.service, t.name, t.spans, t.errors,
		least(exp((min(d.bucket) FILTER (WHERE d.up_to >= 0.95 * t.spans) - 0.5) / 10), t.longest) AS p95, t.longest
	FROM totals AS t JOIN durations AS d USING (service, name)
	GROUP BY t.service, t.name, t.spans, t.errors, t.longest
	ORDER BY p95 DESC
$$;
REVOKE EXECUTE ON FUNCTION otel.operations FROM PUBLIC;

-- Made beside the table and attached: that does not wait for who reads and writes, as CREATE … PARTITION OF does.
CREATE FUNCTION otel.add_day(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	partition text := 'spans_' || to_char(day, 'YYYYMMDD');
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('otel.add_day'));
	IF to_regclass('otel.' || partition) IS NOT NULL THEN RETURN; END IF;
	EXECUTE format('CREATE TABLE otel.%I (LIKE otel.spans INCLUDING ALL)', partition);
	EXECUTE format(
		'ALTER TABLE otel.spans ATTACH PARTITION otel.%I FOR VALUES FROM (%L) TO (%L)',
		partition, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'
	);
END
$$;
REVOKE EXECUTE ON FUNCTION otel.add_day FROM PUBLIC;
