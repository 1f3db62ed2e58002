-- Nobody reads the changes of one resource.
DROP INDEX change_res;
