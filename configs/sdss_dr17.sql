-- The catalogue of configs/sdss.yaml: galaxies with a spectroscopic redshift, their cModel magnitudes and extinction.
--
-- CasJobs (https://skyserver.sdss.org/casjobs), context DR17; then download the table as CSV, not by way of a
-- spreadsheet, which rounds objID:  data/sdss/catalogue.csv
--
-- The sample is that of Pasquet et al. (2019, A&A 621, A26, section 2), in spirit: the main galaxy sample, r < 17.8
-- after extinction, z < 0.4. SpecObjAll has every spectrum: an object that was observed twice stands in two rows, and
-- ingest merges them by inverse variance and counts them. Redshifts are called redshift: z is a magnitude here.
SELECT
    p.objID, p.run, p.rerun, p.camcol, p.field, p.ra, p.dec,
    s.z AS redshift, s.zErr AS redshiftErr, s.specObjID, s.plate, s.mjd, s.fiberID,
    p.cModelMag_u, p.cModelMag_g, p.cModelMag_r, p.cModelMag_i, p.cModelMag_z,
    p.cModelMagErr_u, p.cModelMagErr_g, p.cModelMagErr_r, p.cModelMagErr_i, p.cModelMagErr_z,
    p.extinction_u, p.extinction_g, p.extinction_r, p.extinction_i, p.extinction_z
INTO mydb.skybake_sdss_dr17
FROM SpecObjAll AS s
JOIN PhotoObjAll AS p ON p.objID = s.bestObjID
WHERE s.class = 'GALAXY'
    AND s.zWarning = 0              -- the redshift is sure
    AND s.targetType = 'SCIENCE'
    AND s.z > 0 AND s.z < 0.4
    AND p.mode = 1                  -- primary: each galaxy on one frame only
    AND p.type = 3                  -- seen as a galaxy on the image too
    AND p.clean = 1                 -- no problem with its photometry
    AND p.petroMag_r - p.extinction_r < 17.8
    -- 200 square degrees: some six thousand fields, 100 GB. Without this line it is the whole survey: terabytes.
    AND p.ra BETWEEN 180 AND 200 AND p.dec BETWEEN 0 AND 10
ORDER BY p.run, p.camcol, p.field, p.objID
