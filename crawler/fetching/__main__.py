"""Entry of ``python -P -m crawler.fetching``."""

from crawler.fetching.crawl_process import main

if __name__ == "__main__":
    main()
