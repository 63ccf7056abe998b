import time
from etl.lake.snapshot import snapshot
from etl.scan.run import scan
from rules.loader import load_catalogue
async def test_a(utility, sql, truth):
    t=time.time()
    print(snapshot(utility)); print(time.time()-t); t=time.time()
    print(snapshot(utility)); print(time.time()-t); t=time.time()
    s = await scan(utility, load_catalogue())
    print(s); print(time.time()-t)
    print(truth.select("subject_kind","subject_key","kind","rule_ids"))
    print(sql("select rule_id, subject_key from finding f join \"case\" c on c.id=f.case_id order by 1,2"))
