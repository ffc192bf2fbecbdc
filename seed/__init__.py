"""The demo company: a made-up lender in Qixia, an apple county in Shandong.

The county's outline and the names of its towns and villages are real (`seed/data`, each with its notice). All else is
invented: people, shops, firms, numbers, where in the county a town lies, and what was borrowed and paid back.

The generators are pure and draw from one fixed random seed: the same code gives the same bytes on every machine.

- `geography`  towns, villages and the grid cells of the county
- `identity`   identity numbers, credit codes, phones and cards that pass the checks and belong to nobody
- `names`      names of people, shops and firms
- `company`    branches, teams, staff
- `products`   what the company lends
- `customers`  who it lends to
- `events`     what the story is made of: loans, payments, write-offs, recoveries
- `demand`     who borrows what in which season
- `behaviour`  how one loan is paid, late, cured or lost
- `story`      three years of lending up to the demo's business date, told as a stream of events
"""
