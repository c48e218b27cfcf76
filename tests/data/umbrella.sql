WITH level_1 AS (
  SELECT *,
    (m_rainProbability & 1) = 0 AS s0,
    (m_rainProbability & 2) = 0 AS s1,
    (m_windSpeed & 1) = 0 AS s4,
    (m_windSpeed & 6) = 0 AS s5,
    (m_hood & 1) = 0 AS s8,
    (m_hood & 2) = 0 AS s9,
    (m_judgedWindy & 1) = 0 AS s12,
    (m_judgedWindy & 2) = 0 AS s13,
    (m_sky & 1) = 0 AS s16,
    (m_sky & 6) = 0 AS s17,
    (m_windSpeed & 3) = 0 AS s20,
    (m_windSpeed & 4) = 0 AS s22,
    (m_sky & 5) = 0 AS s26,
    (m_sky & 2) = 0 AS s27,
    (m_hatesRain & 1) = 0 AS s30,
    (m_hatesRain & 2) = 0 AS s31,
    (m_umbrellaChecked & 1) = 0 AS s34,
    (m_umbrellaChecked & 2) = 0 AS s35,
    (m_taken & 2) = 0 AS s38,
    (m_taken & 5) = 0 AS s40,
    (m_width & 2) = 0 AS s44,
    (m_width & 1) = 0 AS s45,
    (m_taken & 6) = 0 AS s119,
    (m_taken & 1) = 0 AS s121
  FROM masks
), level_2 AS (
  SELECT *,
    (s0 OR s1) AS s2,
    NOT ((s4 OR s5)) AS s7,
    NOT ((s8 OR s9)) AS s11,
    (s16 OR s17) AS s18,
    (s16 AND s20) AS s21,
    (s17 OR s22) AS s23,
    (s26 OR s27) AS s28,
    NOT ((s30 OR s31)) AS s33,
    (s0 AND s38) AS s39,
    (s4 AND s38) AS s48,
    NOT (s26) AS s58,
    (s0 OR s16) AS s85,
    (s1 AND s17) AS s87,
    (s1 OR s16) AS s88,
    (s17 OR s20) AS s89,
    (s0 AND s4 AND s38 AND s44) AS s115,
    (s26 AND s119) AS s120,
    (s16 AND s20 AND s38) AS s135,
    (s8 AND s38) AS s136,
    (s31 AND s119) AS s137,
    (s0 AND s35 AND s38) AS s138,
    (s26 AND s121) AS s139,
    (s4 AND s38 AND s45) AS s140
  FROM level_1
), level_3 AS (
  SELECT *,
    NOT (s2) AS s3,
    NOT (s28) AS s29,
    (s23 AND s26) AS s52,
    NOT ((s20 OR s21 OR s27)) AS s56,
    ((s26 AND s58) OR (s28 AND s58)) AS s61,
    NOT (s21) AS s80,
    (s23 AND s85) AS s86,
    NOT ((s21 OR s87 OR (s88 AND s89))) AS s92,
    NOT ((s1 OR s5 OR s40 OR s45 OR s115)) AS s118,
    NOT ((s27 OR s120 OR s121)) AS s124,
    NOT (s115) AS s126,
    NOT ((s17 OR s22 OR s40 OR s135)) AS s143,
    NOT ((s9 OR s40 OR s136)) AS s146,
    NOT ((s30 OR s121 OR s137)) AS s149,
    NOT ((s5 OR s40 OR s44 OR s140)) AS s155
  FROM level_2
), level_4 AS (
  SELECT *,
    (s26 AND s56 AND s61) AS s62,
    (s23 AND s26 AND s31 AND s56) AS s72,
    (s85 AND s92 AND ((s85 AND NOT (s0) AND NOT (s16)) OR (s2 AND s18 AND NOT (s85)))) AS s101,
    (s4 AND s16 AND s38 AND s44 AND s126) AS s127,
    (s126 AND NOT ((s5 OR s17 OR s40 OR s45 OR (s4 AND s16 AND s38 AND s44)))) AS s131,
    (s135 OR s136 OR s137 OR s138 OR s139 OR s140 OR NOT ((s115 OR s118 OR s120 OR s124))) AS s170,
    (s135 OR s136 OR s137 OR s138 OR s139 OR s140 OR s143 OR s146 OR s149 OR NOT ((s27 OR s119 OR s139)) OR s155 OR NOT ((s115 OR s120))) AS s194
  FROM level_3
), level_5 AS (
  SELECT *,
    NOT (s101) AS s103,
    (s115 OR s118 OR s120 OR s124 OR s127 OR s131) AS s156,
    NOT (s170) AS s173,
    (s115 OR s120 OR s127) AS s180,
    NOT (s194) AS s197
  FROM level_4
), level_6 AS (
  SELECT *,
    NOT (s156) AS s157,
    NOT (s180) AS s181
  FROM level_5
), level_7 AS (
  SELECT *,
    (s31 AND s119 AND s157) AS s158,
    (s135 OR s136 OR s137 OR s138 OR s140 OR s157) AS s165,
    ((s137 OR s149) AND s181) AS s182,
    (s135 OR s136 OR s137 OR s138 OR s140 OR s143 OR s146 OR s149 OR s155 OR s181) AS s189
  FROM level_6
), level_8 AS (
  SELECT *,
    (s135 OR s138 OR s140 OR s158) AS s159,
    NOT ((s115 OR s118 OR s120 OR s124 OR s127 OR s131 OR s135 OR s138 OR s140 OR s158)) AS s161,
    NOT (s165) AS s171,
    (s135 OR s138 OR s140 OR s143 OR s155 OR s182) AS s183,
    NOT ((s115 OR s120 OR s127 OR s135 OR s138 OR s140 OR s143 OR s155 OR s182)) AS s185,
    NOT (s189) AS s195
  FROM level_7
), level_9 AS (
  SELECT *,
    NOT (s159) AS s162,
    NOT (s183) AS s186,
    (s159 AND s183) AS s199,
    (s161 AND s185) AS s200
  FROM level_8
), level_10 AS (
  SELECT *,
    (s156 AND s162 AND s165 AND s180 AND s186 AND s189) AS s201,
    (s156 AND s162 AND s170 AND s171 AND s180 AND s186 AND s194 AND s195) AS s202,
    (s156 AND s162 AND s173 AND s180 AND s186 AND s197) AS s203
  FROM level_9
)
SELECT
  row,
  CASE WHEN s1 THEN 'false' WHEN s3 THEN 'unknown' WHEN s0 THEN 'true' END AS U1,
  CASE WHEN s5 THEN 'false' WHEN s7 THEN 'unknown' WHEN s4 THEN 'true' END AS U10,
  CASE WHEN s9 THEN 'false' WHEN s11 THEN 'unknown' WHEN s8 THEN 'true' END AS U11,
  CASE WHEN s13 THEN 'false' WHEN NOT ((s12 OR s13)) THEN 'unknown' WHEN s12 THEN 'true' END AS U12,
  CASE WHEN s17 THEN 'false' WHEN NOT (s18) THEN 'unknown' WHEN s16 THEN 'true' END AS U2,
  CASE WHEN s23 THEN 'false' WHEN NOT ((s17 OR s21 OR s22)) THEN 'unknown' WHEN s21 THEN 'true' END AS U3,
  CASE WHEN s9 THEN 'false' WHEN s11 THEN 'unknown' WHEN s8 THEN 'true' END AS U4,
  CASE WHEN s27 THEN 'false' WHEN s29 THEN 'unknown' WHEN s26 THEN 'true' END AS U5,
  CASE WHEN s31 THEN 'false' WHEN s33 THEN 'unknown' WHEN s30 THEN 'true' END AS U6,
  CASE WHEN s1 THEN 'false' WHEN s3 THEN 'unknown' WHEN s0 THEN 'true' END AS U7,
  CASE WHEN s35 THEN 'false' WHEN NOT ((s34 OR s35)) THEN 'unknown' WHEN s34 THEN 'true' END AS U7_fulfilled,
  CASE WHEN (s1 OR s40) THEN 'false' WHEN NOT ((s1 OR s39 OR s40)) THEN 'unknown' WHEN s39 THEN 'true' END AS U7_binds,
  CASE WHEN s27 THEN 'false' WHEN s29 THEN 'unknown' WHEN s26 THEN 'true' END AS U8,
  CASE WHEN s5 THEN 'false' WHEN s7 THEN 'unknown' WHEN s4 THEN 'true' END AS U9,
  CASE WHEN s45 THEN 'false' WHEN NOT ((s44 OR s45)) THEN 'unknown' WHEN s44 THEN 'true' END AS U9_fulfilled,
  CASE WHEN (s5 OR s40) THEN 'false' WHEN NOT ((s5 OR s40 OR s48)) THEN 'unknown' WHEN s48 THEN 'true' END AS U9_binds,
  CASE WHEN (s23 AND s26 AND s56 AND NOT ((s31 OR s33 OR s62))) THEN 'applicable' WHEN (((s23 AND s26 AND s33 AND s56 AND NOT (s31)) OR (s26 AND s56 AND NOT (s52))) AND NOT (s62)) THEN 'conditional' WHEN (s26 AND s56 AND s61 AND NOT (s72)) THEN 'yielding' WHEN (s56 AND NOT ((s26 OR s52))) THEN 'open' WHEN s72 THEN 'reserved' WHEN (s27 AND s80) THEN 'not-indicated' WHEN ((s20 OR s27) AND NOT ((s21 OR s27))) THEN 'excluded' WHEN s21 THEN 'contraindicated' END AS bigUmbrella,
  CASE WHEN (s23 AND s85 AND s92 AND s103) THEN 'applicable' WHEN (s85 AND s92 AND s103 AND NOT (s86)) THEN 'conditional' WHEN s101 THEN 'yielding' WHEN (s92 AND NOT ((s0 OR s16 OR s86))) THEN 'open' WHEN FALSE THEN 'reserved' WHEN (s1 AND s17 AND s80) THEN 'not-indicated' WHEN (s88 AND s89 AND NOT ((s21 OR s87))) THEN 'excluded' WHEN s21 THEN 'contraindicated' END AS umbrella,
  CASE WHEN NOT prescribed THEN NULL WHEN s199 THEN 'Discordant' WHEN s200 THEN 'NotAddressed' WHEN s201 THEN 'Exceptional' WHEN s202 THEN 'Acceptable' WHEN s203 THEN 'Concordant' WHEN NOT ((s199 OR s200 OR s201 OR s202 OR s203)) THEN 'NotAssessable' END AS prescription,
  CASE WHEN NOT prescribed THEN NULL WHEN s159 THEN 'Discordant' WHEN s161 THEN 'NotAddressed' WHEN (s156 AND s162 AND s165) THEN 'Exceptional' WHEN (s156 AND s162 AND s170 AND s171) THEN 'Acceptable' WHEN (s156 AND s162 AND s173) THEN 'Concordant' END AS prescription_best,
  CASE WHEN NOT prescribed THEN NULL WHEN s183 THEN 'Discordant' WHEN s185 THEN 'NotAddressed' WHEN (s180 AND s186 AND s189) THEN 'Exceptional' WHEN (s180 AND s186 AND s194 AND s195) THEN 'Acceptable' WHEN (s180 AND s186 AND s197) THEN 'Concordant' END AS prescription_worst
FROM level_10
