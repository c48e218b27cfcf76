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
    (m_width & 2) = 0 AS s38,
    (m_width & 1) = 0 AS s39,
    (m_taken & 2) = 0 AS s105,
    (m_taken & 5) = 0 AS s107,
    (m_taken & 6) = 0 AS s111,
    (m_taken & 1) = 0 AS s113
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
    NOT (s26) AS s48,
    (s0 OR s16) AS s75,
    (s1 AND s17) AS s77,
    (s1 OR s16) AS s78,
    (s17 OR s20) AS s79,
    (s0 AND s4 AND s38 AND s105) AS s106,
    (s26 AND s111) AS s112,
    (s16 AND s20 AND s105) AS s127,
    (s8 AND s105) AS s128,
    (s31 AND s111) AS s129,
    (s0 AND s35 AND s105) AS s130,
    (s26 AND s113) AS s131,
    (s4 AND s39 AND s105) AS s132
  FROM level_1
), level_3 AS (
  SELECT *,
    NOT (s2) AS s3,
    NOT (s28) AS s29,
    (s23 AND s26) AS s42,
    NOT ((s20 OR s21 OR s27)) AS s46,
    ((s26 AND s48) OR (s28 AND s48)) AS s51,
    NOT (s21) AS s70,
    (s23 AND s75) AS s76,
    NOT ((s21 OR s77 OR (s78 AND s79))) AS s82,
    NOT ((s1 OR s5 OR s39 OR s106 OR s107)) AS s110,
    NOT ((s27 OR s112 OR s113)) AS s116,
    NOT (s106) AS s118,
    NOT ((s17 OR s22 OR s107 OR s127)) AS s135,
    NOT ((s9 OR s107 OR s128)) AS s138,
    NOT ((s30 OR s113 OR s129)) AS s141,
    NOT ((s5 OR s38 OR s107 OR s132)) AS s147
  FROM level_2
), level_4 AS (
  SELECT *,
    (s26 AND s46 AND s51) AS s52,
    (s23 AND s26 AND s31 AND s46) AS s62,
    (s75 AND s82 AND ((s75 AND NOT (s0) AND NOT (s16)) OR (s2 AND s18 AND NOT (s75)))) AS s91,
    (s4 AND s16 AND s38 AND s105 AND s118) AS s119,
    (s118 AND NOT ((s5 OR s17 OR s39 OR s107 OR (s4 AND s16 AND s38 AND s105)))) AS s123,
    (s127 OR s128 OR s129 OR s130 OR s131 OR s132 OR NOT ((s106 OR s110 OR s112 OR s116))) AS s162,
    (s127 OR s128 OR s129 OR s130 OR s131 OR s132 OR s135 OR s138 OR s141 OR NOT ((s27 OR s111 OR s131)) OR s147 OR NOT ((s106 OR s112))) AS s186
  FROM level_3
), level_5 AS (
  SELECT *,
    NOT (s91) AS s93,
    (s106 OR s110 OR s112 OR s116 OR s119 OR s123) AS s148,
    NOT (s162) AS s165,
    (s106 OR s112 OR s119) AS s172,
    NOT (s186) AS s189
  FROM level_4
), level_6 AS (
  SELECT *,
    NOT (s148) AS s149,
    NOT (s172) AS s173
  FROM level_5
), level_7 AS (
  SELECT *,
    (s31 AND s111 AND s149) AS s150,
    (s127 OR s128 OR s129 OR s130 OR s132 OR s149) AS s157,
    ((s129 OR s141) AND s173) AS s174,
    (s127 OR s128 OR s129 OR s130 OR s132 OR s135 OR s138 OR s141 OR s147 OR s173) AS s181
  FROM level_6
), level_8 AS (
  SELECT *,
    (s127 OR s130 OR s132 OR s150) AS s151,
    NOT ((s106 OR s110 OR s112 OR s116 OR s119 OR s123 OR s127 OR s130 OR s132 OR s150)) AS s153,
    NOT (s157) AS s163,
    (s127 OR s130 OR s132 OR s135 OR s147 OR s174) AS s175,
    NOT ((s106 OR s112 OR s119 OR s127 OR s130 OR s132 OR s135 OR s147 OR s174)) AS s177,
    NOT (s181) AS s187
  FROM level_7
), level_9 AS (
  SELECT *,
    NOT (s151) AS s154,
    NOT (s175) AS s178,
    (s151 AND s175) AS s191,
    (s153 AND s177) AS s192
  FROM level_8
), level_10 AS (
  SELECT *,
    (s148 AND s154 AND s157 AND s172 AND s178 AND s181) AS s193,
    (s148 AND s154 AND s162 AND s163 AND s172 AND s178 AND s186 AND s187) AS s194,
    (s148 AND s154 AND s165 AND s172 AND s178 AND s189) AS s195
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
  CASE WHEN s27 THEN 'false' WHEN s29 THEN 'unknown' WHEN s26 THEN 'true' END AS U8,
  CASE WHEN s5 THEN 'false' WHEN s7 THEN 'unknown' WHEN s4 THEN 'true' END AS U9,
  CASE WHEN s39 THEN 'false' WHEN NOT ((s38 OR s39)) THEN 'unknown' WHEN s38 THEN 'true' END AS U9_fulfilled,
  CASE WHEN (s23 AND s26 AND s46 AND NOT ((s31 OR s33 OR s52))) THEN 'applicable' WHEN (((s23 AND s26 AND s33 AND s46 AND NOT (s31)) OR (s26 AND s46 AND NOT (s42))) AND NOT (s52)) THEN 'conditional' WHEN (s26 AND s46 AND s51 AND NOT (s62)) THEN 'yielding' WHEN (s46 AND NOT ((s26 OR s42))) THEN 'open' WHEN s62 THEN 'reserved' WHEN (s27 AND s70) THEN 'not-indicated' WHEN ((s20 OR s27) AND NOT ((s21 OR s27))) THEN 'excluded' WHEN s21 THEN 'contraindicated' END AS bigUmbrella,
  CASE WHEN (s23 AND s75 AND s82 AND s93) THEN 'applicable' WHEN (s75 AND s82 AND s93 AND NOT (s76)) THEN 'conditional' WHEN s91 THEN 'yielding' WHEN (s82 AND NOT ((s0 OR s16 OR s76))) THEN 'open' WHEN FALSE THEN 'reserved' WHEN (s1 AND s17 AND s70) THEN 'not-indicated' WHEN (s78 AND s79 AND NOT ((s21 OR s77))) THEN 'excluded' WHEN s21 THEN 'contraindicated' END AS umbrella,
  CASE WHEN NOT prescribed THEN NULL WHEN s191 THEN 'Discordant' WHEN s192 THEN 'NotAddressed' WHEN s193 THEN 'Exceptional' WHEN s194 THEN 'Acceptable' WHEN s195 THEN 'Concordant' WHEN NOT ((s191 OR s192 OR s193 OR s194 OR s195)) THEN 'NotAssessable' END AS prescription,
  CASE WHEN NOT prescribed THEN NULL WHEN s151 THEN 'Discordant' WHEN s153 THEN 'NotAddressed' WHEN (s148 AND s154 AND s157) THEN 'Exceptional' WHEN (s148 AND s154 AND s162 AND s163) THEN 'Acceptable' WHEN (s148 AND s154 AND s165) THEN 'Concordant' END AS prescription_best,
  CASE WHEN NOT prescribed THEN NULL WHEN s175 THEN 'Discordant' WHEN s177 THEN 'NotAddressed' WHEN (s172 AND s178 AND s181) THEN 'Exceptional' WHEN (s172 AND s178 AND s186 AND s187) THEN 'Acceptable' WHEN (s172 AND s178 AND s189) THEN 'Concordant' END AS prescription_worst
FROM level_10
