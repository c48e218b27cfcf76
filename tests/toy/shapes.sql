CREATE TABLE triples AS
SELECT DISTINCT subject, predicate, object FROM loaded_triples
ORDER BY predicate, subject, object;

CREATE TABLE terms AS
SELECT DISTINCT * FROM loaded_terms ORDER BY term;

CREATE TABLE instances AS
WITH RECURSIVE below(class, ancestor) AS (
  SELECT DISTINCT object, object FROM triples WHERE predicate = '<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>'
  UNION
  SELECT below.class, t.object FROM below JOIN triples AS t
    ON t.subject = below.ancestor AND t.predicate = '<http://www.w3.org/2000/01/rdf-schema#subClassOf>'
)
SELECT DISTINCT t.subject AS node, below.ancestor AS class FROM triples AS t
  JOIN below ON below.class = t.object WHERE t.predicate = '<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>'
ORDER BY class, node;

WITH nodes1 AS (
  SELECT DISTINCT node FROM instances WHERE class = '<https://example.org/umbrella/Walk>'
),
values2 AS (
  SELECT node AS focus, node AS value FROM nodes1
)
SELECT focus, path AS path, value, 'http://www.w3.org/ns/shacl#ClosedConstraintComponent' AS component, 'http://www.w3.org/ns/shacl#Violation' AS severity, 'https://example.org/umbrella/WalkShape' AS source_shape
FROM (
  SELECT v.focus, t.predicate AS path, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value
  WHERE t.predicate NOT IN ('<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>', '<https://example.org/umbrella/sky>', '<https://example.org/umbrella/takenBy>')
) AS found;

WITH nodes1 AS (
  SELECT DISTINCT node FROM instances WHERE class = '<https://example.org/umbrella/Walk>'
),
values2 AS (
  SELECT node AS focus, node AS value FROM nodes1
),
values3 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://example.org/umbrella/windSpeed>'
),
values4 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values3 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://w3id.org/bonemet-kg/quantity/value>'
)
SELECT focus, '<https://example.org/umbrella/windSpeed>/<https://w3id.org/bonemet-kg/quantity/value>' AS path, value, 'http://www.w3.org/ns/shacl#MaxExclusiveConstraintComponent' AS component, 'http://www.w3.org/ns/shacl#Violation' AS severity, 'https://example.org/umbrella/WalkShape (windSpeed/value)' AS source_shape
FROM (
  SELECT v.focus, v.value FROM values4 AS v JOIN terms AS t ON t.term = v.value
  WHERE NOT coalesce(t.family = 'number' AND t.order_key < '310000000023', FALSE)
) AS found;

WITH nodes1 AS (
  SELECT DISTINCT node FROM instances WHERE class = '<https://example.org/umbrella/Walk>'
),
values2 AS (
  SELECT node AS focus, node AS value FROM nodes1
),
values3 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://example.org/umbrella/windSpeed>'
),
values4 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values3 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://w3id.org/bonemet-kg/quantity/value>'
)
SELECT focus, '<https://example.org/umbrella/windSpeed>/<https://w3id.org/bonemet-kg/quantity/value>' AS path, value, 'http://www.w3.org/ns/shacl#MinInclusiveConstraintComponent' AS component, 'http://www.w3.org/ns/shacl#Violation' AS severity, 'https://example.org/umbrella/WalkShape (windSpeed/value)' AS source_shape
FROM (
  SELECT v.focus, v.value FROM values4 AS v JOIN terms AS t ON t.term = v.value
  WHERE NOT coalesce(t.family = 'number' AND t.order_key >= '2', FALSE)
) AS found;

WITH nodes1 AS (
  SELECT DISTINCT node FROM instances WHERE class = '<https://example.org/umbrella/Walk>'
),
values2 AS (
  SELECT node AS focus, node AS value FROM nodes1
),
values3 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://example.org/umbrella/sky>'
)
SELECT focus, '<https://example.org/umbrella/sky>' AS path, value, 'http://www.w3.org/ns/shacl#InConstraintComponent' AS component, 'http://www.w3.org/ns/shacl#Warning' AS severity, 'https://example.org/umbrella/WalkShape sky' AS source_shape
FROM (
  SELECT v.focus, v.value FROM values3 AS v WHERE v.value NOT IN ('<https://example.org/umbrella/Blue>', '<https://example.org/umbrella/Grey>')
) AS found;

WITH nodes1 AS (
  SELECT DISTINCT node FROM instances WHERE class = '<https://example.org/umbrella/Walk>'
),
values2 AS (
  SELECT node AS focus, node AS value FROM nodes1
),
values3 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://example.org/umbrella/takenBy>'
)
SELECT focus, '<https://example.org/umbrella/takenBy>' AS path, value, 'http://www.w3.org/ns/shacl#MinCountConstraintComponent' AS component, 'http://www.w3.org/ns/shacl#Violation' AS severity, 'https://example.org/umbrella/WalkShape takenBy' AS source_shape
FROM (
  SELECT n.node AS focus, NULL AS value FROM nodes1 AS n
  LEFT JOIN values3 AS v ON v.focus = n.node
  GROUP BY n.node HAVING NOT count(v.value) >= 1
) AS found;

WITH nodes1 AS (
  SELECT DISTINCT node FROM instances WHERE class = '<https://example.org/umbrella/Walk>'
),
values2 AS (
  SELECT node AS focus, node AS value FROM nodes1
),
values3 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://example.org/umbrella/takenBy>'
)
SELECT focus, '<https://example.org/umbrella/takenBy>' AS path, value, 'http://www.w3.org/ns/shacl#ClassConstraintComponent' AS component, 'http://www.w3.org/ns/shacl#Violation' AS severity, 'https://example.org/umbrella/WalkShape takenBy' AS source_shape
FROM (
  SELECT v.focus, v.value FROM values3 AS v WHERE NOT EXISTS (
    SELECT 1 FROM instances AS i WHERE i.node = v.value AND i.class = '<https://example.org/umbrella/Walker>')
) AS found;

WITH nodes1 AS (
  SELECT DISTINCT object AS node FROM triples WHERE predicate = '<https://example.org/umbrella/takenBy>'
),
values2 AS (
  SELECT node AS focus, node AS value FROM nodes1
),
values3 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://example.org/umbrella/hatesRain>'
),
failing4 AS (
  SELECT DISTINCT focus AS node FROM (
    SELECT n.node AS focus, NULL AS value FROM nodes1 AS n
    LEFT JOIN values3 AS v ON v.focus = n.node
    GROUP BY n.node HAVING NOT count(v.value) >= 1
  ) AS found
),
values5 AS (
  SELECT DISTINCT v.focus, t.object AS value FROM values2 AS v
  JOIN triples AS t ON t.subject = v.value AND t.predicate = '<https://example.org/umbrella/hood>'
),
failing6 AS (
  SELECT DISTINCT focus AS node FROM (
    SELECT n.node AS focus, NULL AS value FROM nodes1 AS n WHERE NOT EXISTS (
      SELECT 1 FROM values5 AS v WHERE v.focus = n.node AND v.value = '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>')
  ) AS found
),
failing7 AS (
  SELECT v.focus AS node FROM values2 AS v JOIN failing4 AS f ON f.node = v.value
  UNION
  SELECT v.focus AS node FROM values2 AS v JOIN failing6 AS f ON f.node = v.value
)
SELECT focus, NULL AS path, value, 'http://www.w3.org/ns/shacl#NotConstraintComponent' AS component, 'http://www.w3.org/ns/shacl#Violation' AS severity, 'https://example.org/umbrella/WalkerShape' AS source_shape
FROM (
  SELECT v.focus, v.value FROM values2 AS v WHERE NOT EXISTS (SELECT 1 FROM failing7 AS f WHERE f.node = v.value)
) AS found;
