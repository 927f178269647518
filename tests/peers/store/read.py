"""Reads the store with clickhouse-connect, and tries what a reader must not do.

usage: read.py URL USER PASSWORD_FILE DATABASE QUERY...
prints JSON: for each query its first value, or {"refused": the name of the error}
"""

import json
import re
import sys
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

url, user, password_file, database, *queries = sys.argv[1:]
with open(password_file) as file:
    password = file.read().strip()
address = urlsplit(url)
client = clickhouse_connect.get_client(
    host=address.hostname, port=address.port, username=user, password=password, database=database
)
answers = []
for query in queries:
    try:
        if query.split()[0] == "SELECT":
            answers.append(client.query(query).first_row[0])
        else:
            client.command(query)
            answers.append("done")
    except ClickHouseError as error:
        named = re.findall(r"\(([A-Z_]{3,})\)", str(error))
        answers.append({"refused": named[0] if named else str(error)})
print(json.dumps(answers))
