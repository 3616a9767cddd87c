-- What studies are searched and sorted by, apart from their documents: a list of a hundred thousand studies is counted
-- and paged through in these narrow rows alone.

ALTER TABLE studies ADD COLUMN referring_physician TEXT NOT NULL DEFAULT '';

-- sort_name and words are folded text; sort_name is null for a study from before this table (index.studies fills it).
CREATE TABLE study_search (
  number INTEGER PRIMARY KEY,
  orthanc_study_id TEXT NOT NULL UNIQUE REFERENCES studies (orthanc_study_id) ON DELETE CASCADE,
  practice_id TEXT NOT NULL,
  received_at TEXT NOT NULL,
  study_date TEXT NOT NULL,
  study_time TEXT NOT NULL,
  accession_number TEXT NOT NULL,
  match_status TEXT NOT NULL,
  match_patient_id TEXT NOT NULL,
  sort_name TEXT COLLATE "C",
  words TEXT NOT NULL
);
INSERT INTO study_search (number, orthanc_study_id, practice_id, received_at, study_date, study_time, accession_number,
                          match_status, match_patient_id, sort_name, words)
  SELECT ROW_NUMBER() OVER (ORDER BY received_at, orthanc_study_id), orthanc_study_id, practice_id, received_at,
         study_date, study_time, accession_number, match_status, COALESCE(match_patient_id, ''), NULL,
         REPLACE(modalities, '|', ' |') || ' '
  FROM studies;
INSERT INTO number_sequences (name, value) SELECT 'study', COUNT(*) FROM studies;

CREATE INDEX study_search_by_received ON study_search (received_at, number);
CREATE INDEX study_search_by_date ON study_search (study_date, study_time, number);
CREATE INDEX study_search_by_name ON study_search (sort_name, number);
CREATE INDEX study_search_by_patient ON study_search (match_patient_id, received_at, number);
CREATE INDEX study_search_by_match ON study_search (match_status, received_at, number);
CREATE INDEX study_search_by_practice ON study_search (practice_id, received_at, number);
CREATE INDEX study_search_by_accession ON study_search (accession_number);

-- What a search finds: folded words of the names, ids, description and numbers, and each modality as '|CT'. Its rows
-- go with the study by study_search.words, which names them all.
CREATE TABLE study_words (
  word TEXT COLLATE "C" NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (word, number)
);
INSERT INTO study_words (word, number)
  SELECT '|' || code, number
  FROM (SELECT 'AR' AS code UNION ALL SELECT 'BI' UNION ALL SELECT 'BMD' UNION ALL SELECT 'CR' UNION ALL
        SELECT 'CT' UNION ALL SELECT 'DX' UNION ALL SELECT 'ES' UNION ALL SELECT 'FID' UNION ALL SELECT 'GM'
        UNION ALL SELECT 'HC' UNION ALL SELECT 'HD' UNION ALL SELECT 'IO' UNION ALL SELECT 'IVOCT' UNION ALL
        SELECT 'IVUS' UNION ALL SELECT 'KER' UNION ALL SELECT 'KO' UNION ALL SELECT 'LEN' UNION ALL SELECT
        'LS' UNION ALL SELECT 'MG' UNION ALL SELECT 'MR' UNION ALL SELECT 'M3D' UNION ALL SELECT 'NM' UNION
        ALL SELECT 'OAM' UNION ALL SELECT 'OCT' UNION ALL SELECT 'OP' UNION ALL SELECT 'OPM' UNION ALL
        SELECT 'OPT' UNION ALL SELECT 'OPV' UNION ALL SELECT 'OSS' UNION ALL SELECT 'OT' UNION ALL SELECT
        'PR' UNION ALL SELECT 'PT' UNION ALL SELECT 'PX' UNION ALL SELECT 'REG' UNION ALL SELECT 'RESP'
        UNION ALL SELECT 'RF' UNION ALL SELECT 'RG' UNION ALL SELECT 'RTDOSE' UNION ALL SELECT 'RTIMAGE'
        UNION ALL SELECT 'RTPLAN' UNION ALL SELECT 'RTRECORD' UNION ALL SELECT 'RTSTRUCT' UNION ALL SELECT
        'SEG' UNION ALL SELECT 'SM' UNION ALL SELECT 'SR' UNION ALL SELECT 'TG' UNION ALL SELECT 'US' UNION
        ALL SELECT 'VA' UNION ALL SELECT 'XA' UNION ALL SELECT 'XC' UNION ALL SELECT 'ECG' UNION ALL SELECT
        'DOC' UNION ALL SELECT 'EPS' UNION ALL SELECT 'SC') AS known
  JOIN study_search ON words LIKE '% |' || code || ' %';
