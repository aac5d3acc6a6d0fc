-- v3: Give columns the names that the documentation uses

ALTER TABLE portal RENAME COLUMN boundary TO started_on_wazo;
ALTER TABLE portal RENAME COLUMN announced TO started_on_matrix;

ALTER TABLE queue RENAME COLUMN source TO source_id;
-- How long a message has failed is remembered by the running relay only.
ALTER TABLE queue DROP COLUMN first_tried;

ALTER TABLE gap RENAME COLUMN first TO first_position;
ALTER TABLE gap RENAME COLUMN last TO next_position;

UPDATE setting SET name = 'matrix_generation' WHERE name = 'matrix_mark';
